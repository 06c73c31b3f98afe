//! The part of a plan that a process is to compute.

use serde_json::Value;

use super::{Plan, Share};
use crate::{
    method::Role,
    spec::{Experiment, Only},
};

/// What to compute of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Part {
    #[default]
    Whole,
    /// One of n shares, into a journal of its own.
    Share(Share),
    /// What meets conditions.
    Only(Only),
    /// Nothing: the tables are brought up to date with what the journals have.
    Nothing,
}

impl Part {
    /// The share, where it is one.
    #[must_use]
    pub fn share(&self) -> Option<Share> {
        if let Self::Share(share) = self { Some(*share) } else { None }
    }
}

impl Plan {
    /// The cells of a part; `None` of the whole plan, which need not be copied.
    #[must_use]
    pub fn part(&self, experiment: &Experiment, part: &Part) -> Option<Self> {
        match part {
            Part::Whole => None,
            Part::Share(share) => Some(self.shard(experiment, *share)),
            Part::Only(only) => Some(self.only(experiment, only)),
            Part::Nothing => Some(Self { blocks: Vec::new(), excluded: self.excluded, studies: Vec::new() }),
        }
    }

    /// The cells that meet conditions.
    #[must_use]
    pub fn only(&self, experiment: &Experiment, only: &Only) -> Self {
        let methods: Vec<_> = experiment.methods.iter().map(|method| method.spec.parameters()).collect();
        let mut blocks = self.blocks.clone();
        for block in &mut blocks {
            let problem = experiment.problem_of(block);
            let of_problem = problem.spec.parameters();
            let precision = block.precision.name();
            block.cells.retain(|cell| {
                let method = experiment.method_of(cell);
                only.admits(|key| match key {
                    "problem" => Some(Value::from(problem.family.as_str())),
                    "method" => Some(Value::from(method.family.as_str())),
                    "precision" => Some(Value::from(precision)),
                    "target_rank" if method.spec.role() == Role::Baseline => Some(Value::Null),
                    "target_rank" => Some(Value::from(cell.target_rank)),
                    name => of_problem.get(name).or_else(|| methods[cell.method].get(name)).cloned(),
                })
            });
        }
        blocks.retain(|block| !block.cells.is_empty());
        let mut studies = self.studies.clone();
        studies.retain(|cell| {
            let study = experiment.study_of(cell);
            let parameters = study.spec.parameters();
            only.admits(|key| match key {
                "study" => Some(Value::from(study.family.as_str())),
                name => parameters.get(name).cloned(),
            })
        });
        Self { blocks, excluded: self.excluded, studies }
    }
}
