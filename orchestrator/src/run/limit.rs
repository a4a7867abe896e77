//! What one run may use. Pure.

use crate::actor::words;
use crate::agent::AGENTS_FILE;

/// A run may be given this many times what its project gives a new one.
pub const MAX_RAISE: i64 = 4;

/// Whose money is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpentLimit {
    /// The run's own limit.
    Run,
    /// The project's budget of the month.
    Project,
}

words!(SpentLimit: Run = "run", Project = "project");

/// Amounts of money as they stand, in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    pub run_limit: Option<i64>,
    pub run_spent: i64,
    pub budget: Option<i64>,
    pub project_spent: i64,
}

impl Money {
    /// What may still be spent; none means no limit.
    pub fn left(&self) -> Option<i64> {
        let run = self.run_limit.map(|limit| (limit - self.run_spent).max(0));
        let project = self.budget.map(|budget| (budget - self.project_spent).max(0));
        match (run, project) {
            (Some(run), Some(project)) => Some(run.min(project)),
            (one, other) => one.or(other),
        }
    }

    /// Which limit is reached, the run's own first: that is the one a person can raise at once.
    pub fn spent(&self) -> Option<SpentLimit> {
        if self.run_limit.is_some_and(|limit| self.run_spent >= limit) {
            Some(SpentLimit::Run)
        } else if self.budget.is_some_and(|budget| self.project_spent >= budget) {
            Some(SpentLimit::Project)
        } else {
            None
        }
    }
}

/// Tokens that an amount buys at most: at the lowest of the prices, so that nobody is stopped too early. None where a price
/// is not known, or nothing costs anything.
pub fn tokens_for(micro_usd: i64, micro_usd_per_million: &[Option<i64>]) -> Option<i64> {
    let prices: Option<Vec<i64>> = micro_usd_per_million.iter().copied().collect();
    let lowest = prices?.into_iter().min().filter(|price| *price > 0)?;
    i64::try_from(i128::from(micro_usd) * 1_000_000 / i128::from(lowest)).ok()
}

/// What a run is to be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raise {
    pub active_seconds: Option<i64>,
    pub cost_micro_usd: Option<i64>,
}

/// What a run has, what its project gives a new one, and what the repository's own file lets it have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    pub active_seconds: i64,
    pub cost_micro_usd: Option<i64>,
    pub project_active_seconds: i64,
    pub project_cost_micro_usd: Option<i64>,
    pub file_active_seconds: Option<i64>,
    pub file_cost_micro_usd: Option<i64>,
}

/// Why a run is not given more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRaised {
    #[error("name active_seconds, cost_micro_usd or both: what the run may use in all")]
    Nothing,
    #[error("{0} is {1} now; a limit is only raised here, and the run can be cancelled with run_cancel")]
    Lower(&'static str, i64),
    #[error("cost_micro_usd: this run has no limit of its own; what it may spend is the project's budget")]
    NoCostLimit,
    #[error(
        "{0} may be at most {1}, four times what the project gives a run; raise that first with project_update"
    )]
    TooMuch(&'static str, i64),
    #[error(
        "{0} may be at most {1}, by the repository's {AGENTS_FILE} as this run found it; change the file on the default \
         branch, which counts for runs that start after, and begin a new run with run_retry"
    )]
    Narrowed(&'static str, i64),
}

impl Raise {
    /// The limits afterwards. Asking for what is there already changes nothing.
    pub fn over(self, given: Given) -> Result<(i64, Option<i64>), NotRaised> {
        if self == Self::default() {
            return Err(NotRaised::Nothing);
        }
        let active_seconds = match self.active_seconds {
            Some(wanted) => raised(
                "active_seconds",
                wanted,
                given.active_seconds,
                (given.project_active_seconds, given.file_active_seconds),
            )?,
            None => given.active_seconds,
        };
        let cost = match (self.cost_micro_usd, given.cost_micro_usd) {
            (None, now) => now,
            (Some(_), None) => return Err(NotRaised::NoCostLimit),
            (Some(wanted), Some(now)) => {
                let project = given.project_cost_micro_usd.unwrap_or(now);
                let bounds = (project, given.file_cost_micro_usd);
                Some(raised("cost_micro_usd", wanted, now, bounds)?)
            }
        };
        Ok((active_seconds, cost))
    }
}

/// The narrower of both bounds counts: what the project gives, some times over, and what the repository's file says.
fn raised(
    what: &'static str,
    wanted: i64,
    now: i64,
    (project, file): (i64, Option<i64>),
) -> Result<i64, NotRaised> {
    let most = project.saturating_mul(MAX_RAISE).max(now);
    let narrowed = file.filter(|file| *file < most);
    if wanted < now {
        Err(NotRaised::Lower(what, now))
    } else if wanted == now {
        Ok(now)
    } else if let Some(file) = narrowed.filter(|file| wanted > *file) {
        Err(NotRaised::Narrowed(what, file))
    } else if wanted > most {
        Err(NotRaised::TooMuch(what, most))
    } else {
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_limit(None, 9, None, 9, None, None)]
    #[case::of_the_run(Some(10), 4, None, 0, Some(6), None)]
    #[case::of_the_project(None, 4, Some(10), 7, Some(3), None)]
    #[case::the_nearer_one(Some(10), 4, Some(10), 7, Some(3), None)]
    #[case::the_run_spent(Some(10), 11, Some(10), 11, Some(0), Some(SpentLimit::Run))]
    #[case::the_project_spent(Some(20), 11, Some(10), 11, Some(0), Some(SpentLimit::Project))]
    #[case::nothing_may_be_spent(Some(0), 0, None, 0, Some(0), Some(SpentLimit::Run))]
    fn what_is_left(
        #[case] run_limit: Option<i64>,
        #[case] run_spent: i64,
        #[case] budget: Option<i64>,
        #[case] project_spent: i64,
        #[case] left: Option<i64>,
        #[case] spent: Option<SpentLimit>,
    ) {
        let money = Money {
            run_limit,
            run_spent,
            budget,
            project_spent,
        };
        assert_eq!((money.left(), money.spent()), (left, spent));
    }

    #[rstest]
    #[case(1_000_000, &[Some(2_000_000), Some(500_000)], Some(2_000_000))]
    #[case(1_000_000, &[Some(2_000_000), None], None)]
    #[case(1_000_000, &[Some(0)], None)]
    #[case(0, &[Some(3)], Some(0))]
    fn tokens_are_counted_at_the_lowest_price(
        #[case] micro_usd: i64,
        #[case] prices: &[Option<i64>],
        #[case] tokens: Option<i64>,
    ) {
        assert_eq!(tokens_for(micro_usd, prices), tokens);
    }

    const GIVEN: Given = Given {
        active_seconds: 3600,
        cost_micro_usd: Some(10),
        project_active_seconds: 3600,
        project_cost_micro_usd: Some(10),
        file_active_seconds: None,
        file_cost_micro_usd: None,
    };

    #[rstest]
    #[case(Some(7200), None, Ok((7200, Some(10))))]
    #[case(None, Some(40), Ok((3600, Some(40))))]
    #[case(Some(3600), Some(10), Ok((3600, Some(10))))]
    #[case(None, None, Err(NotRaised::Nothing))]
    #[case(Some(60), None, Err(NotRaised::Lower("active_seconds", 3600)))]
    #[case(Some(14_401), None, Err(NotRaised::TooMuch("active_seconds", 14_400)))]
    #[case(None, Some(41), Err(NotRaised::TooMuch("cost_micro_usd", 40)))]
    fn limits_are_raised_within_bounds(
        #[case] active_seconds: Option<i64>,
        #[case] cost_micro_usd: Option<i64>,
        #[case] expected: Result<(i64, Option<i64>), NotRaised>,
    ) {
        let raise = Raise {
            active_seconds,
            cost_micro_usd,
        };
        assert_eq!(raise.over(GIVEN), expected);
    }

    #[rstest]
    #[case::within(Some(7200), Some(20), Ok((7200, Some(20))))]
    #[case::time(Some(7201), None, Err(NotRaised::Narrowed("active_seconds", 7200)))]
    #[case::money(None, Some(21), Err(NotRaised::Narrowed("cost_micro_usd", 20)))]
    #[case::what_is_there(Some(3600), Some(10), Ok((3600, Some(10))))]
    fn a_file_of_the_repository_is_not_lifted(
        #[case] active_seconds: Option<i64>,
        #[case] cost_micro_usd: Option<i64>,
        #[case] expected: Result<(i64, Option<i64>), NotRaised>,
    ) {
        let raise = Raise {
            active_seconds,
            cost_micro_usd,
        };
        let given = Given {
            file_active_seconds: Some(7200),
            file_cost_micro_usd: Some(20),
            ..GIVEN
        };
        assert_eq!(raise.over(given), expected);
        let wide = Given {
            file_active_seconds: Some(100_000),
            file_cost_micro_usd: Some(100_000),
            ..GIVEN
        };
        let beyond = Raise {
            active_seconds: Some(20_000),
            cost_micro_usd: None,
        };
        let refused = Err(NotRaised::TooMuch("active_seconds", 14_400));
        assert_eq!(beyond.over(wide), refused, "the project's own bound still counts");
    }

    #[test]
    fn a_run_without_a_limit_of_its_own_has_none_to_raise() {
        let raise = Raise {
            cost_micro_usd: Some(5),
            ..Raise::default()
        };
        let given = Given {
            cost_micro_usd: None,
            ..GIVEN
        };
        assert_eq!(raise.over(given), Err(NotRaised::NoCostLimit));
    }
}
