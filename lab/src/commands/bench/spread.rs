//! Many numbers in few.

use serde::{Deserialize, Serialize};

/// The middle of some numbers, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// None of no numbers.
    pub(super) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: at(&sorted, 50)?,
            min: *sorted.first()?,
            max: *sorted.last()?,
        })
    }
}

/// Percentiles of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Percentiles {
    pub(super) p50: f64,
    /// Older results have none.
    #[serde(default)]
    pub(super) p95: f64,
    pub(super) p99: f64,
}

impl Percentiles {
    /// None of no numbers.
    pub(super) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            p50: at(&sorted, 50)?,
            p95: at(&sorted, 95)?,
            p99: at(&sorted, 99)?,
        })
    }
}

/// The nearest-rank percentile: always one of the numbers.
fn at(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::{Percentiles, Spread};

    #[test]
    fn a_percentile_is_one_of_the_numbers() {
        let hundred = Percentiles::of((1..=100).map(f64::from)).unwrap();
        assert_eq!((hundred.p50, hundred.p95, hundred.p99), (50.0, 95.0, 99.0));
        let ten = Percentiles::of((1..=10).map(f64::from)).unwrap();
        assert_eq!((ten.p50, ten.p99), (5.0, 10.0));
        assert_eq!(Percentiles::of([]), None);
    }

    #[test]
    fn the_middle_of_three_rounds_is_the_second() {
        let spread = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((spread.median, spread.min, spread.max), (2.0, 1.0, 3.0));
    }
}
