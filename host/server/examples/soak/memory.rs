//! Whether memory grows.

/// So much the last quarter may lie above the second one, MiB: what caches and the database's pages fill up to.
const GROWTH: f64 = 24.0;

/// Resident memory by step, KiB.
#[derive(Default)]
pub(crate) struct Memory(Vec<(f64, f64)>);

impl Memory {
    pub(crate) fn note(&mut self, step: u32, kib: u64) {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        self.0.push((f64::from(step), kib as f64));
    }

    /// KiB per thousand steps, by least squares over what came after the first quarter.
    fn slope(&self) -> f64 {
        let late = &self.0[self.0.len() / 4..];
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let count = late.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| late.iter().map(of).sum::<f64>() / count;
        let (step, kib) = (mean(|note| note.0), mean(|note| note.1));
        let above: f64 = late.iter().map(|note| (note.0 - step) * (note.1 - kib)).sum();
        let below: f64 = late.iter().map(|note| (note.0 - step).powi(2)).sum();
        if below == 0.0 { 0.0 } else { above / below * 1000.0 }
    }

    /// Median of a quarter, MiB.
    fn quarter(&self, which: usize) -> f64 {
        let length = self.0.len() / 4;
        let mut quarter: Vec<f64> = self.0[which * length..(which + 1) * length].iter().map(|note| note.1).collect();
        quarter.sort_by(f64::total_cmp);
        quarter.get(quarter.len() / 2).copied().unwrap_or(0.0) / 1024.0
    }

    pub(crate) fn is_flat(&self) -> bool {
        self.quarter(3) - self.quarter(1) <= GROWTH
    }

    pub(crate) fn summary(&self) -> String {
        let quarters: Vec<String> = (0..4).map(|which| format!("{:.1}", self.quarter(which))).collect();
        let slope = self.slope();
        format!("memory by quarter: {} MiB; {slope:+.0} KiB per 1,000 steps after the first", quarters.join(", "))
    }
}
