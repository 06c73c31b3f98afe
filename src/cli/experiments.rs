//! What several commands do with specs: read them all, plan each.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use factoreo::{
    plan::{self, Plan},
    spec::{self, Experiment, Only},
};

use super::{Failure, colours};

/// Every spec, or everything that is wrong with any of them.
pub(super) fn load(specs: &[PathBuf], root: &Path) -> Result<Vec<Experiment>, Failure> {
    let colours = colours();
    let (mut experiments, mut faults) = (Vec::new(), Vec::new());
    for path in specs {
        match spec::load(path, root) {
            Ok(experiment) => experiments.push(experiment),
            Err(diagnostics) => faults.push(diagnostics.render(colours)),
        }
    }
    let mut names = HashSet::new();
    if let Some(twice) = experiments.iter().find(|experiment| !names.insert(&experiment.name)) {
        faults.push(format!("error: two specs are named {0}: their results would share results/{0}", twice.name));
    }
    if faults.is_empty() { Ok(experiments) } else { Err(Failure::Input(faults.join("\n\n"))) }
}

/// Whether `--only` speaks of what every experiment has.
pub(super) fn check(only: &Only, experiments: &[(Experiment, Plan)]) -> Result<(), Failure> {
    for (experiment, plan) in experiments {
        only.check(experiment).map_err(|why| Failure::Input(format!("error: --only {only}: {why}")))?;
        if plan.only(experiment, only).cells() == 0 {
            let name = &experiment.name;
            return Err(Failure::Input(format!("error: --only {only}: no cell of {name} meets all of that")));
        }
    }
    Ok(())
}

/// Each with its plan; of a first look, the smaller experiment with its own.
pub(super) fn planned(
    experiments: Vec<Experiment>,
    root: &Path,
    quick: bool,
) -> Result<Vec<(Experiment, Plan)>, Failure> {
    let memory = plan::available_memory();
    let plan = |experiment: Experiment| {
        let experiment = if quick { plan::quick(&experiment, root, memory)? } else { experiment };
        let plan = plan::plan(&experiment, root, memory)?;
        Ok((experiment, plan))
    };
    experiments.into_iter().map(plan).collect::<Result<_, plan::PlanError>>().map_err(|error| Failure::of(&error))
}
