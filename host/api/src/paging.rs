//! Pages: what a query says about its page, checked.

use crate::problem::Refusal;
use opssight_core::page::PageOf;

const LARGEST: u32 = 200;

/// The page that `cursor` and `limit` ask for.
pub(crate) fn page(cursor: Option<&str>, limit: Option<u32>) -> Result<PageOf, Refusal> {
    let limit = limit.unwrap_or(PageOf::default().limit);
    if !(1..=LARGEST).contains(&limit) {
        return Err(Refusal::field("/limit", format!("must be between 1 and {LARGEST}")));
    }
    let after = cursor
        .map(str::parse)
        .transpose()
        .map_err(|_| Refusal::field("/cursor", "is not a cursor that an earlier page gave"))?;
    Ok(PageOf { after, limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_200_rows_and_begins_where_an_earlier_one_ended() {
        assert_eq!(page(None, None).unwrap().limit, 50);
        assert_eq!(page(None, Some(1)).unwrap().limit, 1);
        assert_eq!(page(None, Some(200)).unwrap().limit, 200);
        let after = page(Some("17~run_1"), None).unwrap().after.unwrap();
        assert_eq!((after.at.0, after.id.as_str()), (17, "run_1"));
        for bad in [page(None, Some(0)), page(None, Some(201)), page(Some("x"), None), page(Some("x~y"), None)] {
            assert_eq!(bad.unwrap_err().render(None).status(), 400);
        }
    }
}
