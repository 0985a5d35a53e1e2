//! How far a run has come, as text and back.

use std::collections::BTreeMap;

use super::report::{FitReport, Means, Metrics};

/// How far a run has come: the report so far, and the sums of the epoch that it is in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Progress {
    pub(super) report: FitReport,
    pub(super) means: Means,
}

const STEPS: &str = "steps";
const MEANS: &str = "means";
const EPOCHS: &str = "epochs";
/// There only if there is a best epoch.
pub(super) const BEST: &str = "best";

impl Progress {
    /// Numbers are written with as many digits as it takes to read the same bits back. Why the run ended is
    /// left out: a run that goes on has not.
    pub(super) fn write(&self, to: &mut BTreeMap<String, String>) {
        let Means { rows, loss, nll, kl, accuracy } = self.means;
        let means = line(&[Some(rows), Some(loss), Some(nll), Some(kl), accuracy]);
        let epoch =
            |f: &Metrics| line(&[Some(f.loss), Some(f.nll), Some(f.kl), f.accuracy, f.validation]);
        let epochs: Vec<String> = self.report.epochs.iter().map(epoch).collect();
        to.insert(STEPS.to_owned(), self.report.steps.to_string());
        to.insert(MEANS.to_owned(), means);
        to.insert(EPOCHS.to_owned(), epochs.join("\n"));
        if let Some(best) = self.report.best_epoch {
            to.insert(BEST.to_owned(), best.to_string());
        }
    }

    /// What [`write`](Self::write) wrote; else the name of the entry that it did not write so.
    pub(super) fn read(from: &BTreeMap<String, String>) -> Result<Self, &'static str> {
        let text = |name| from.get(name).ok_or(name);
        let steps = text(STEPS)?.parse().map_err(|_| STEPS)?;
        let [Some(rows), Some(loss), Some(nll), Some(kl), accuracy] =
            numbers(text(MEANS)?).ok_or(MEANS)?
        else {
            return Err(MEANS);
        };
        let means = Means { rows, loss, nll, kl, accuracy };
        let epoch = |line: &str| match numbers(line) {
            Some([Some(loss), Some(nll), Some(kl), accuracy, validation]) => {
                Ok(Metrics { loss, nll, kl, accuracy, validation })
            }
            _ => Err(EPOCHS),
        };
        let epochs = text(EPOCHS)?.lines().map(epoch).collect::<Result<Vec<_>, _>>()?;
        let best_epoch = match from.get(BEST) {
            None => None,
            Some(best) => match best.parse() {
                Ok(best) if best < epochs.len() as u64 => Some(best),
                _ => return Err(BEST),
            },
        };
        Ok(Self { report: FitReport { epochs, steps, best_epoch, ..Default::default() }, means })
    }
}

fn line(numbers: &[Option<f64>]) -> String {
    let one = |number: &Option<f64>| number.map_or_else(|| "-".to_owned(), |x| format!("{x:e}"));
    numbers.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn numbers<const N: usize>(line: &str) -> Option<[Option<f64>; N]> {
    let one = |word: &str| match word {
        "-" => Some(None),
        word => word.parse().ok().map(Some),
    };
    line.split(' ').map(one).collect::<Option<Vec<_>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(x: f64, accuracy: Option<f64>) -> Metrics {
        let validation = accuracy.map(|share| share - x);
        Metrics { loss: x, nll: x / 3.0, kl: -x * 1e-300, accuracy, validation }
    }

    #[test]
    fn numbers_keep_their_bits() {
        let epochs = vec![metrics(0.1 + 0.2, None), metrics(f64::MIN_POSITIVE / 8.0, Some(-0.0))];
        for (epochs, best_epoch) in [(epochs.clone(), Some(1)), (epochs, None), (Vec::new(), None)]
        {
            let report = FitReport { epochs, steps: u64::MAX, best_epoch, ..FitReport::default() };
            let means = Means {
                rows: 3.0,
                loss: f64::MAX,
                nll: 1.0 / 3.0,
                kl: 5e-324,
                accuracy: Some(0.7),
            };
            let progress = Progress { report, means };
            let mut map = BTreeMap::new();
            progress.write(&mut map);
            assert_eq!(Progress::read(&map), Ok(progress));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let mut map = BTreeMap::new();
        Progress::default().write(&mut map);
        for (name, text) in [
            (STEPS, "-1"),
            (MEANS, "1 2 3 4"),
            (MEANS, "1 2 - 4 5"),
            (MEANS, "1 2 3 4 5 6"),
            (EPOCHS, "1 2 x 4 5"),
            (EPOCHS, "1 2 3 4 5\n\n1 2 3 4 5"),
            (BEST, "0"),
            (BEST, "-"),
        ] {
            let mut map = map.clone();
            map.insert(name.to_owned(), text.to_owned());
            assert_eq!(Progress::read(&map), Err(name), "{text}");
            map.remove(name);
            let expected = if name == BEST { Ok(Progress::default()) } else { Err(name) };
            assert_eq!(Progress::read(&map), expected);
        }
    }
}
