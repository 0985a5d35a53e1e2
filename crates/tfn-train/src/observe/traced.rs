//! Structured events.

use std::ops::ControlFlow;

use crate::fit::{Event, Metrics, Observer};

/// Emits an event of `tracing` for each epoch (level INFO) and each step (level TRACE), with the figures as fields.
///
/// The target is `tfn_train`. Fields: `epoch`, `of`, `step`, `loss`, `nll`, `kl`, `kl_weight`, `accuracy`, `validation`; those that a
/// run does not have are left out.
///
/// # Examples
/// ```
/// use tfn_train::Observer;
/// use tfn_train::observe::Traced;
///
/// fn takes(_: impl Observer) {}
/// takes(Traced);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Traced;

impl Observer for Traced {
    fn observe(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Step { index, of, epoch, metrics, kl_weight } => {
                let Metrics { loss, nll, kl, accuracy, .. } = metrics;
                tracing::trace!(
                    target: "tfn_train",
                    step = index, of, epoch, loss, nll, kl, kl_weight, accuracy, "step"
                );
            }
            Event::Epoch { epoch, of, metrics } => {
                let Metrics { loss, nll, kl, accuracy, validation } = metrics;
                tracing::info!(
                    target: "tfn_train",
                    epoch, of, loss, nll, kl, accuracy, validation, "epoch"
                );
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Metadata, Subscriber};

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0 += &format!(" {field}={value:?}");
        }
    }

    impl Subscriber for Seen {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let mut fields = Fields(event.metadata().level().to_string());
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn figures_are_fields() {
        let seen = Seen::default();
        let metrics =
            Metrics { loss: 1.5, nll: 1.0, kl: 50.0, accuracy: None, validation: Some(2.0) };
        let step = Event::Step { index: 7, of: 20, epoch: 1, metrics, kl_weight: 0.5 };
        tracing::subscriber::with_default(seen.clone(), || {
            assert!(Traced.observe(step).is_continue());
            assert!(Traced.observe(Event::Epoch { epoch: 1, of: 2, metrics }).is_continue());
        });
        let seen = seen.0.lock().unwrap();
        assert_eq!(
            seen[0],
            "TRACE message=step step=7 of=20 epoch=1 loss=1.5 nll=1.0 kl=50.0 kl_weight=0.5"
        );
        assert_eq!(
            seen[1],
            "INFO message=epoch epoch=1 of=2 loss=1.5 nll=1.0 kl=50.0 validation=2.0"
        );
    }
}
