use super::{Budget, Kind, PerKind};
use opssight_core::plugins::kinds::KINDS;
use opssight_core::plugins::manifest::BudgetAsk;
use std::time::Duration;

#[test]
fn the_least_of_kind_manifest_and_operator_holds() {
    let ask = |cpu, requests| BudgetAsk { cpu_ms: cpu, requests, ..BudgetAsk::default() };
    let cases = [
        (None, ask(None, None), 2_000, 10),
        (Some(ask(Some(100), None)), ask(None, None), 100, 10),
        (Some(ask(Some(100), Some(3))), ask(Some(50), Some(5)), 50, 3),
        (Some(ask(Some(1_000_000), Some(1_000))), ask(None, None), 2_000, 10),
    ];
    for (manifest, operator, cpu_ms, requests) in cases {
        let budget = Budget::new(Kind::Webhook, manifest.as_ref(), &operator);
        assert_eq!(budget.cpu, Duration::from_millis(cpu_ms));
        assert_eq!(budget.requests, requests);
    }
}

#[test]
fn every_limit_can_be_lowered_by_either_and_raised_by_neither() {
    let all = |n| BudgetAsk {
        cpu_ms: n,
        wall_ms: n,
        memory_mib: n,
        table_entries: n,
        host_calls: n,
        hostcall_kib: n,
        requests: n,
        request_kib: n,
        response_kib: n,
        result_items: n,
        result_kib: n,
        log_lines: n,
        log_kib: n,
        state_kib: n,
        state_keys: n,
    };
    let none = BudgetAsk::default();
    for kind in Kind::ALL {
        let own = Budget::new(kind, None, &none);
        let least = Budget {
            cpu: Duration::from_millis(1),
            wall: Duration::from_millis(1),
            memory_bytes: 1 << 20,
            table_elements: 1,
            host_calls: 1,
            hostcall_bytes: 1 << 10,
            requests: own.requests.min(1),
            request_bytes: 1 << 10,
            response_bytes: 1 << 10,
            result_items: 1,
            result_bytes: 1 << 10,
            payload_bytes: own.payload_bytes,
            log_lines: 1,
            log_bytes: 1 << 10,
            state_bytes: 1 << 10,
            state_keys: 1,
        };
        let (little, much) = (all(Some(1)), all(Some(u32::MAX)));
        assert_eq!(Budget::new(kind, Some(&little), &none), least, "{kind:?} asks for little");
        assert_eq!(Budget::new(kind, None, &little), least, "{kind:?} is given little");
        assert_eq!(Budget::new(kind, Some(&much), &much), own, "{kind:?} asks for much");
    }
}

#[test]
fn each_kind_has_its_own_place_and_the_name_that_the_core_knows() {
    let names = PerKind::new(Kind::name);
    for (kind, name) in Kind::ALL.into_iter().zip(KINDS) {
        assert_eq!((names[kind], kind.name()), (name, name));
    }
}
