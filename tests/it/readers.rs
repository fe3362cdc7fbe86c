//! Every reader of strangers' bytes reads its seeds: what the fuzz targets begin with, and what they found.

use std::collections::BTreeSet;
use std::path::Path;

mod each;
mod repeated;
mod state;

/// The bytes of the seeds of a reader.
fn seeds(reader: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/readers/seeds").join(reader);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn each_reader_keeps_its_promises_for_its_seeds() {
    for (name, read) in each::READERS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            read(&seed);
            // Cut anywhere, as a connection or a disk may cut it.
            for end in (0..seed.len()).step_by(seed.len() / 16 + 1) {
                read(&seed[..end]);
            }
        }
    }
}

#[test]
fn every_reader_has_a_seed_that_is_repeated() {
    let seeds = seeds("repeated").into_iter().filter_map(|seed| repeated::long_input(&seed, 16 * 1024));
    let names = seeds.map(|((name, read), long)| {
        read(&long);
        name
    });
    let names: BTreeSet<_> = names.collect();
    assert_eq!(names, each::READERS.iter().map(|(name, _)| *name).collect());
}
