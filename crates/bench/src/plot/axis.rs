//! From numbers to places in the picture, and which numbers are written beside an axis.

/// An axis from zero, in even steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    most: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Linear {
    /// From 0 at `from` to at least `most` at `to`.
    pub(super) fn new(most: f64, from: f64, to: f64) -> Linear {
        const STEPS: f64 = 5.0;
        let rough = most / STEPS;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|step| *step >= rough);
        Linear {
            most,
            step: step.unwrap_or(rough),
            from,
            to,
        }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        self.from + value / self.most * (self.to - self.from)
    }

    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let (most, step) = (self.most, self.step);
        // Sums of steps would drift.
        (0_u32..)
            .map(move |place| f64::from(place) * step)
            .take_while(move |tick| *tick <= most * 1.000_001)
    }
}

/// An axis of powers of ten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logarithmic {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Logarithmic {
    /// Whole powers of ten around everything from `least` to `most`.
    pub(super) fn new(least: f64, most: f64, from: f64, to: f64) -> Logarithmic {
        let least = least.max(0.001).log10().floor();
        let most = most.max(0.001).log10().ceil();
        Logarithmic {
            least,
            most: most.max(least + 1.0),
            from,
            to,
        }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        let power = value.max(0.001).log10();
        let part = (power - self.least) / (self.most - self.least);
        self.from + part * (self.to - self.from)
    }

    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let (least, most) = (self.least, self.most);
        (0_u32..)
            .map(move |place| least + f64::from(place))
            .take_while(move |power| *power <= most)
            .map(|power| 10_f64.powf(power))
    }
}

/// A number as an axis shows it: `12k`, `0.5`.
pub(super) fn short(value: f64) -> String {
    let (value, unit) = if value >= 1e6 {
        (value / 1e6, "M")
    } else if value >= 1e3 {
        (value / 1e3, "k")
    } else {
        (value, "")
    };
    let digits = format!("{value:.3}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{digits}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let ticks = |most| -> Vec<String> {
            let axis = Linear::new(most, 0.0, 1.0);
            axis.ticks().map(short).collect()
        };
        assert_eq!(ticks(52_000.0), ["0", "20k", "40k"]);
        assert_eq!(ticks(1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(ticks(2_400_000.0), ["0", "500k", "1M", "1.5M", "2M"]);
    }

    #[test]
    fn a_logarithmic_axis_spans_whole_powers_of_ten() {
        let axis = Logarithmic::new(0.4, 31.0, 100.0, 0.0);
        let ticks: Vec<String> = axis.ticks().map(short).collect();
        assert_eq!(ticks, ["0.1", "1", "10", "100"]);
        assert_eq!(
            [0.1, 100.0].map(|value| short(axis.place(value))),
            ["100", "0"]
        );
    }
}
