//! The machines that took times: what is timed on one is not a sample of another.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::table::SampleRow;

/// What tells one machine from another: its processor, its cores, and the threads that were used. As JSON, so that equal
/// machines are equal texts.
pub fn of_session(session: &Value) -> String {
    let fact = |key: &str| session.get(key).cloned().unwrap_or_default();
    json!({ "cpu": fact("cpu"), "cores": fact("cores"), "threads": fact("threads") }).to_string()
}

/// The machines of some sessions.
#[derive(Debug, Default)]
pub struct Machines {
    /// Sessions met, each with the place of its machine.
    sessions: Vec<(Arc<Value>, usize)>,
    /// In the order they were met.
    machines: Vec<String>,
}

impl Machines {
    /// The place of a session's machine.
    pub fn place(&mut self, session: &Arc<Value>) -> u64 {
        if let Some((_, place)) = self.sessions.iter().find(|(known, _)| Arc::ptr_eq(known, session)) {
            return *place as u64;
        }
        let machine = of_session(session);
        let place = self.machines.iter().position(|known| *known == machine).unwrap_or_else(|| {
            self.machines.push(machine);
            self.machines.len() - 1
        });
        self.sessions.push((Arc::clone(session), place));
        place as u64
    }

    /// Numbers the machines of samples that have their [`place`](Self::place) from 1, in an order that does not depend on which
    /// was met first; and returns them in that order.
    pub fn number(self, samples: &mut [SampleRow]) -> Vec<String> {
        let mut sorted = self.machines.clone();
        sorted.sort_unstable();
        let number = |place: u64| {
            let machine = self.machines.get(usize::try_from(place).ok()?)?;
            sorted.binary_search(machine).ok().map(|at| at as u64 + 1)
        };
        for sample in samples {
            sample.machine = sample.machine.and_then(number);
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(cpu: &str, date: &str) -> Arc<Value> {
        Arc::new(json!({ "cpu": cpu, "cores": 2, "threads": 1, "date": date }))
    }

    fn sample(machine: u64) -> SampleRow {
        let cell = "a".to_owned();
        SampleRow { cell, repeat: 0, position: 0, factor_seconds: 1.0, apply_seconds: 1.0, machine: Some(machine) }
    }

    #[test]
    fn machines_have_the_same_numbers_whichever_is_met_first() {
        let numbers = |order: [&Arc<Value>; 3]| {
            let mut machines = Machines::default();
            let mut samples: Vec<SampleRow> = order.map(|session| sample(machines.place(session))).to_vec();
            let known = machines.number(&mut samples);
            (known.len(), samples.into_iter().map(|sample| sample.machine).collect::<Vec<_>>())
        };
        let (old, new, later) = (session("b", "1"), session("a", "1"), session("b", "2"));
        assert_eq!(numbers([&old, &new, &later]), (2, vec![Some(2), Some(1), Some(2)]));
        assert_eq!(numbers([&new, &later, &old]), (2, vec![Some(1), Some(2), Some(2)]));
    }
}
