//! Decides whether a request is repeated within its attempt.
//!
//! A request on a reused connection may cross the end of that connection (RFC 9112, section 9.3.1). That is no failure
//! of the server. The repeat needs a new connection: other idle ones may be at their end too.

use std::error::Error as StdError;

use super::classify::{ExchangeStage, classify, is_connecting, links};
use crate::fetch::connect::connection_choice::ConnectionChoice;
use crate::fetch::connect::error::{ClientError, ReusedConnection};
use crate::fetch::connect::head_filter::HeadError;
use crate::fetch::connect::response::Response;
use crate::model::ErrorKind;

/// Returns the connections for a repeat of this request; `None` if its result counts.
pub(super) fn repeat_on(answered: &Result<Response, ClientError>) -> Option<ConnectionChoice> {
    match answered {
        // RFC 9110, section 15.5.9: a server may send 408 before it closes an idle connection.
        Ok(response) => (response.is_reused && response.status() == 408).then_some(ConnectionChoice::New),
        Err(error) if is_unprocessed(&**error) => Some(ConnectionChoice::Any),
        Err(error) => {
            let reused = links(&**error).find_map(|e| e.downcast_ref::<ReusedConnection>())?;
            // The client never uses a shared connection again after its end.
            let choice = if reused.is_shared { ConnectionChoice::Any } else { ConnectionChoice::New };
            has_ended(&**error).then_some(choice)
        }
    }
}

/// Whether an open connection ended before the first byte of a response. A reset HTTP/2 stream does not count: the
/// server did answer, and its connection stays open.
fn has_ended(error: &(dyn StdError + 'static)) -> bool {
    let is_answer = |e: &(dyn StdError + 'static)| {
        e.is::<HeadError>() || e.downcast_ref::<h2::Error>().is_some_and(h2::Error::is_reset)
    };
    classify(error, ExchangeStage::Head).kind == ErrorKind::Reset
        && !is_connecting(error)
        && !links(error).any(is_answer)
}

/// Whether the server declares a request unprocessed (RFC 9113, section 8.7). It refuses the stream, or
/// it sends GOAWAY with `NO_ERROR`, which ends the streams that it ignores.
fn is_unprocessed(error: &(dyn StdError + 'static)) -> bool {
    links(error).filter_map(|e| e.downcast_ref::<h2::Error>()).any(|e| match e.reason() {
        Some(h2::Reason::REFUSED_STREAM) => e.is_remote(),
        Some(h2::Reason::NO_ERROR) => e.is_remote() && e.is_go_away(),
        _ => false,
    })
}
