//! The scheduler as tables. A table is a script of events, one a line, read by [`Play`]:
//!
//! | line | meaning |
//! | --- | --- |
//! | `push a/1 b/2!5` | adds new jobs of hosts `a` and `b`; `!5` is a priority |
//! | `push a*100` | adds a hundred jobs of host `a` |
//! | `next a/1 ~b/2 -` | hands out `a/1`, then refuses `b/2`, then has nothing |
//! | `all a=3 b=1` | hands out all that is ready; so many of each host |
//! | `ok a/1`, `slow a/1 9s`, `busy a/1`, `silent a/1`, `fail a/1` | how a job ends: 200, 200 after so long, 429, no answer, 500 |
//! | `hold a/1 5s` | 429 with a Retry-After |
//! | `moved a/1 b/there` | a redirect; `moved a/1 b/there 5s` asks for a wait |
//! | `held a 5s` | host `a` is held |
//! | `unstarted a/1` | the job comes back without a request |
//! | `well a*10` | ten good answers of host `a` |
//! | `at 5s` | it is so long after the start |
//! | `wake 5s`, `wake -` | when the scheduler has something to do next |
//! | `drain a/1 b/2`, `ended`, `limit 10` | the rest, in order; the end of the input; a new limit |

mod bounds;
mod host_states;
mod hosts;
mod order;
mod play;
mod redirects;
mod rules;
mod waits;

use std::time::Duration;

use super::*;
use crate::policy::retry::Limits;
use play::{Play, play, rules};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}
