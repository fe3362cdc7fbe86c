//! Opening inputs and reading their bytes, so that another thread can end a read that blocks.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells a reader that blocks to give up.
pub(super) struct Wake {
    set: AtomicBool,
    /// A byte in this pipe ends a poll. It is never read, so that every later poll ends too.
    #[cfg(unix)]
    pipe: (io::PipeReader, io::PipeWriter),
}

impl Wake {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            set: AtomicBool::new(false),
            #[cfg(unix)]
            pipe: io::pipe()?,
        })
    }

    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    pub fn set(&self) {
        if !self.set.swap(true, Ordering::AcqRel) {
            #[cfg(unix)]
            {
                use std::io::Write;
                // An empty pipe has room for one byte, so this neither blocks nor fails.
                let _ = (&self.pipe.1).write(&[1]);
            }
        }
    }

    /// Waits until a read of `file` would not block.
    #[cfg(unix)]
    fn wait(&self, file: &File) -> io::Result<()> {
        use rustix::event::{PollFd, PollFlags, poll};
        loop {
            let mut fds = [PollFd::new(file, PollFlags::IN), PollFd::new(&self.pipe.0, PollFlags::IN)];
            match poll(&mut fds, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) if !fds[1].revents().is_empty() => return Err(io::Error::other("interrupted")),
                Ok(_) => return Ok(()),
            }
        }
    }
}

/// The bytes of one input.
pub(super) struct InputBytes {
    kind: InputKind,
    /// A read may block for as long as there is no writer or it writes nothing.
    live: bool,
    wake: Arc<Wake>,
}

enum InputKind {
    File(File),
    Reader(Box<dyn Read + Send>),
    /// Opening it would block, so that is left to the first read.
    #[cfg(target_vendor = "apple")]
    Later(std::path::PathBuf),
}

impl InputBytes {
    /// Opens a list file.
    pub fn file(path: &Path, wake: Arc<Wake>) -> io::Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                io::Error::new(error.kind(), "no such file (a URL must begin with http:// or https://)")
            }
            _ => error,
        })?;
        check(&metadata)?;
        #[cfg(unix)]
        if std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type()) {
            return Ok(Self { kind: fifo(path)?, live: true, wake });
        }
        Ok(Self { kind: InputKind::File(File::open(path)?), live: !metadata.is_file(), wake })
    }

    /// A file that was opened already.
    pub fn opened(file: File, wake: Arc<Wake>) -> Self {
        Self { kind: InputKind::File(file), live: false, wake }
    }

    /// Bytes of files, which do not block.
    pub fn of_files(files: Box<dyn Read + Send>, wake: Arc<Wake>) -> Self {
        Self { kind: InputKind::Reader(files), live: false, wake }
    }

    /// Standard input.
    #[cfg(unix)]
    pub fn stdin(wake: Arc<Wake>) -> io::Result<Self> {
        use std::os::fd::AsFd;
        // Not through `io::stdin()`: bytes in its buffer would be invisible to poll.
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let metadata = file.metadata()?;
        check(&metadata)?;
        Ok(Self { kind: InputKind::File(file), live: !metadata.is_file(), wake })
    }

    /// Standard input.
    #[cfg(not(unix))]
    pub fn stdin(wake: Arc<Wake>) -> io::Result<Self> {
        Ok(Self::reader(Box::new(io::stdin()), wake))
    }

    /// Any reader. Whether it may block is unknown, so it is treated as if it did.
    pub fn reader(reader: Box<dyn Read + Send>, wake: Arc<Wake>) -> Self {
        Self { kind: InputKind::Reader(reader), live: true, wake }
    }

    /// Whether reads wait in a poll, where they can be interrupted.
    fn polled(&self) -> bool {
        cfg!(unix) && self.live && matches!(self.kind, InputKind::File(_))
    }

    /// Whether the bytes may come slowly, so that what has arrived must not wait for the rest.
    pub fn is_live(&self) -> bool {
        self.live
    }
}

impl Read for InputBytes {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            #[cfg(target_vendor = "apple")]
            if let InputKind::Later(path) = &self.kind {
                self.kind = InputKind::File(File::open(path)?);
            }
            #[cfg(unix)]
            if let (InputKind::File(file), true) = (&self.kind, self.polled()) {
                self.wake.wait(file)?;
            }
            if self.wake.is_set() {
                return Err(io::Error::other("interrupted"));
            }
            let read = match &mut self.kind {
                InputKind::File(file) => file.read(buf),
                InputKind::Reader(reader) => reader.read(buf),
                #[cfg(target_vendor = "apple")]
                InputKind::Later(_) => continue,
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another reader of the same pipe was faster than we after the poll.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.polled() => {}
                read => return read,
            }
        }
    }
}

fn check(metadata: &std::fs::Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory; name a list file in it"));
    }
    Ok(())
}

/// Opens a FIFO without waiting for its writer. Reads are preceded by a poll, which waits for the
/// first writer: the end of file is reported only after one was there.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn fifo(path: &Path) -> io::Result<InputKind> {
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    Ok(InputKind::File(File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?)))
}

/// On Apple systems a FIFO that was opened so reports its end before the first writer came. There
/// it is opened by the first read, which then waits for a writer and cannot be interrupted.
#[cfg(target_vendor = "apple")]
fn fifo(path: &Path) -> io::Result<InputKind> {
    Ok(InputKind::Later(path.to_owned()))
}
