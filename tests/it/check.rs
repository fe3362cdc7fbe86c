//! The links of a site: their graph, its sitemap, and which of them are broken.

mod graph;
mod report;
mod sitemap;
