//! Who watches a run.

use std::ops::ControlFlow;

use super::report::Event;

/// Is told of each step and each epoch of a run, and may end it.
///
/// A closure `|event| -> ControlFlow<()>` is one, `()` watches nothing, and a pair tells both; the observers in
/// [`observe`](crate::observe) show or record a run.
///
/// # Examples
/// ```
/// use std::ops::ControlFlow;
/// use tfn_train::{Event, Observer};
///
/// // Ends a run that is good enough.
/// let good_enough = |event: Event| match event {
///     Event::Epoch { metrics, .. } if metrics.accuracy > Some(0.99) => ControlFlow::Break(()),
///     _ => ControlFlow::Continue(()),
/// };
/// fn takes(_: impl Observer) {}
/// takes((good_enough, ()));
/// ```
pub trait Observer {
    /// Sees what has just been done; after `Break` the run ends.
    fn observe(&mut self, event: Event) -> ControlFlow<()>;
}

impl<F: FnMut(Event) -> ControlFlow<()>> Observer for F {
    fn observe(&mut self, event: Event) -> ControlFlow<()> {
        self(event)
    }
}

impl Observer for () {
    fn observe(&mut self, _: Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Both are told, also of the event at which the first ends the run.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn observe(&mut self, event: Event) -> ControlFlow<()> {
        let first = self.0.observe(event);
        let second = self.1.observe(event);
        if first.is_break() { first } else { second }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::report::Metrics;

    #[test]
    fn both_of_a_pair_are_told() {
        let metrics = Metrics { loss: 0.0, nll: 0.0, kl: 0.0, accuracy: None, validation: None };
        let event = Event::Epoch { epoch: 0, of: 1, metrics };
        for (first, second) in [(true, false), (false, true), (false, false)] {
            let mut told = [0, 0];
            let [a, b] = &mut told;
            let watch = |count: &mut i32, stop: bool| {
                *count += 1;
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let mut pair = (|_: Event| watch(a, first), |_: Event| watch(b, second));
            assert_eq!(pair.observe(event).is_break(), first || second);
            assert_eq!(told, [1, 1]);
        }
    }
}
