//! Pure decisions, one folder a subject: values in, decision out. No clock, no file, no socket.

pub mod canonical;
pub mod cookies;
pub mod credentials;
pub mod limits;
pub mod message;
pub mod naming;
pub mod network;
pub mod refusal;
pub mod rerun;
pub mod retry;
pub mod robots;
pub mod scope;
pub mod text;
pub mod traps;
