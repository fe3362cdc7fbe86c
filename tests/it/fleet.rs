//! Several workers over one queue in a real Redis server, against servers that note each request.

mod crawls;
mod faults;
mod hosts;
mod kills;
mod lists;
mod pace;
mod workers;
