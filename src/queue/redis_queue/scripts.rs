//! The Lua scripts, with their names and digests.

use std::sync::LazyLock;

use sha1::{Digest as _, Sha1};

/// A script: the server knows it by its digest.
pub(super) struct Script {
    pub(super) text: String,
    pub(super) digest: String,
}

/// All scripts.
pub(super) struct Scripts {
    pub(super) add: Script,
    pub(super) adopt: Script,
    pub(super) bury: Script,
    pub(super) complete: Script,
    pub(super) lease: Script,
    pub(super) lease_host: Script,
    pub(super) leave: Script,
    pub(super) refuse: Script,
    pub(super) release: Script,
    pub(super) release_host: Script,
    pub(super) renew: Script,
    pub(super) revive: Script,
    pub(super) store_pace: Script,
    pub(super) want: Script,
    pub(super) job_beat: Script,
    pub(super) job_join: Script,
    pub(super) job_leave: Script,
    pub(super) job_list: Script,
    pub(super) job_loaded: Script,
    pub(super) job_tell: Script,
}

/// The scripts of this version.
///
/// With its first line, a server without memory refuses a script before it has changed anything. A script that gives
/// back what a worker has is let in then too.
pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    const PARTITION: &str = include_str!("scripts/common.lua");
    const JOB: &str = include_str!("scripts/job_common.lua");
    const GONE: &str = include_str!("scripts/gone.lua");
    let script = |flags: &str, common: &str, text: &str| {
        let text = format!("#!lua{flags}\n{common}\n{text}");
        let digest = Sha1::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        Script { text, digest }
    };
    let partition = format!("{GONE}\n{PARTITION}");
    let job = format!("{GONE}\n{JOB}");
    let takes = |text| script("", &partition, text);
    let gives_back = |text| script(" flags=allow-oom", &partition, text);
    let of_job = |text| script(" flags=allow-oom", &job, text);
    Scripts {
        add: takes(include_str!("scripts/add.lua")),
        adopt: gives_back(include_str!("scripts/adopt.lua")),
        bury: takes(include_str!("scripts/bury.lua")),
        complete: takes(include_str!("scripts/complete.lua")),
        lease: takes(include_str!("scripts/lease.lua")),
        lease_host: takes(include_str!("scripts/lease_host.lua")),
        leave: gives_back(include_str!("scripts/leave.lua")),
        refuse: takes(include_str!("scripts/refuse.lua")),
        release: gives_back(include_str!("scripts/release.lua")),
        release_host: gives_back(include_str!("scripts/release_host.lua")),
        renew: gives_back(include_str!("scripts/renew.lua")),
        revive: takes(include_str!("scripts/revive.lua")),
        store_pace: gives_back(include_str!("scripts/store_pace.lua")),
        want: gives_back(include_str!("scripts/want.lua")),
        job_beat: of_job(include_str!("scripts/job_beat.lua")),
        job_join: script("", JOB, include_str!("scripts/job_join.lua")),
        job_leave: of_job(include_str!("scripts/job_leave.lua")),
        job_list: of_job(include_str!("scripts/job_list.lua")),
        job_loaded: of_job(include_str!("scripts/job_loaded.lua")),
        job_tell: script("", &job, include_str!("scripts/job_tell.lua")),
    }
});
