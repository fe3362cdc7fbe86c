//! The needs of a run: the union of the needs of its parts.

use crate::config::Digest;
use crate::model::Needs;
use crate::sink::Sink;

/// Returns the facts that the fetchers of a run compute on demand. `digest` is the one that the user asked for,
/// `streams` says whether a body goes to a stream, `checks_times` whether the run warns of odd Last-Modified fields.
pub(super) fn of_run(digest: Digest, streams: bool, checks_times: bool, sinks: &[Box<dyn Sink>]) -> Needs {
    let asked = match digest {
        Digest::None => Needs::empty(),
        Digest::Sha256 => Needs::SHA256,
        Digest::Blake3 => Needs::BLAKE3,
    };
    // A retry resumes a stream only behind a strong ETag.
    let of_others = if streams || checks_times { Needs::VALIDATORS } else { Needs::empty() };
    let of_sinks: Needs = sinks.iter().map(|sink| sink.needs()).collect();
    (asked | of_others | of_sinks).settled()
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::model::Outcome;
    use crate::sink::{Callback, SinkError};

    struct Needing(Needs);

    impl Sink for Needing {
        fn needs(&self) -> Needs {
            self.0
        }

        fn outcome(&mut self, _: &Outcome) -> Result<ControlFlow<()>, SinkError> {
            Ok(ControlFlow::Continue(()))
        }
    }

    fn of_sinks(digest: Digest, needs: &[Needs]) -> Needs {
        let sinks: Vec<_> = needs.iter().map(|needs| Box::new(Needing(*needs)) as Box<dyn Sink>).collect();
        of_run(digest, false, false, &sinks)
    }

    #[test]
    fn a_plain_run_computes_nothing_on_demand() {
        let sinks: [Box<dyn Sink>; 1] = [Box::new(Callback::new(|_| {}))];
        assert_eq!(of_run(Digest::None, false, false, &sinks), Needs::empty());
    }

    #[test]
    fn needs_of_all_sinks_are_added_up() {
        let needs = [Needs::VALIDATORS, Needs::empty(), Needs::SHA256];
        assert_eq!(of_sinks(Digest::None, &needs), Needs::VALIDATORS | Needs::SHA256);
        assert_eq!(of_sinks(Digest::Blake3, &needs), Needs::VALIDATORS | Needs::SHA256 | Needs::BLAKE3);
    }

    #[test]
    fn a_sink_that_needs_any_digest_takes_the_users() {
        assert_eq!(of_sinks(Digest::Sha256, &[Needs::DIGEST]), Needs::SHA256);
        assert_eq!(of_sinks(Digest::None, &[Needs::DIGEST]), Needs::BLAKE3);
    }

    #[test]
    fn streams_and_checked_times_need_validators() {
        for (streams, checks_times) in [(true, false), (false, true)] {
            assert_eq!(of_run(Digest::None, streams, checks_times, &[]), Needs::VALIDATORS);
        }
    }
}
