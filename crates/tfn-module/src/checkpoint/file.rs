//! Reading a file, and replacing it so that it is never half written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::Builder;

use crate::error::{ModuleError, Result};

/// The bytes of a file.
pub(crate) fn read(op: &'static str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| ModuleError::Io { op, path: path.to_owned(), source })
}

/// Replaces a file by what `write` writes: into a new file beside it, flushed to the disk, then renamed. So it is never
/// half written, and has the permissions of the former one.
///
/// If `path` is a symbolic link it stays one, and the file that it leads to is replaced.
///
/// # Errors
/// Those of `write` and of the system. The new file is removed then, and the former one is as it was.
///
/// # Examples
/// ```
/// use std::io::Write;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("numbers");
/// tfn_module::checkpoint::replace(&path, |file| file.write_all(b"1 2 3"))?;
/// assert_eq!(std::fs::read(&path)?, b"1 2 3");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let path = &target(path.to_owned())?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(".tfn-").suffix(".tmp");
    // Private by default; a checkpoint is as open as any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut new = builder.tempfile_in(folder)?;
    write(new.as_file_mut())?;
    if let Ok(former) = fs::metadata(path) {
        new.as_file().set_permissions(former.permissions())?;
    }
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

/// The file that a path leads to by symbolic links, whether it is there or not.
fn target(mut path: PathBuf) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const LINKS: usize = 40;
    for _ in 0..LINKS {
        // What is no link, or nothing, cannot be read as one.
        let Ok(link) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(link);
    }
    Err(io::Error::other(format!("{}: symbolic links that lead in a circle", path.display())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::io::Write;
    use std::process::Command;

    use super::*;

    fn files_in(folder: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(folder).unwrap().map(name).collect()
    }

    #[test]
    fn a_failing_write_leaves_the_former_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, "former").unwrap();
        let failed = replace(&path, |file| {
            file.write_all(b"half of the ne")?;
            Err(io::Error::other("disk full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read(&path).unwrap(), b"former");
        assert_eq!(files_in(folder.path()), ["model"]);
    }

    #[test]
    fn a_whole_write_replaces_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        for text in ["first, and long", "second"] {
            replace(&path, |file| file.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read(&path).unwrap(), text.as_bytes());
        }
        assert_eq!(files_in(folder.path()), ["model"]);
    }

    #[test]
    fn a_target_that_cannot_be_replaced_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, |file| file.write_all(b"x")).is_err());
        assert!(replace(&folder.path().join("none/model"), |_| Ok(())).is_err());
        assert_eq!(files_in(folder.path()), ["model"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_stays_one_and_its_target_is_replaced() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("runs/deep")).unwrap();
        fs::write(at("runs/model-7"), "former").unwrap();
        symlink("model-7", at("runs/latest")).unwrap();
        symlink("../latest", at("runs/deep/link")).unwrap();
        symlink(at("runs/deep/link"), at("whole")).unwrap();
        symlink("runs/not-yet", at("dangling")).unwrap();
        for (link, target) in [
            ("runs/latest", "runs/model-7"),
            ("runs/deep/link", "runs/model-7"),
            ("whole", "runs/model-7"),
            ("dangling", "runs/not-yet"),
        ] {
            let to = fs::read_link(at(link)).unwrap();
            replace(&at(link), |file| file.write_all(link.as_bytes())).unwrap();
            assert_eq!(fs::read_link(at(link)).unwrap(), to);
            assert_eq!(fs::read(at(target)).unwrap(), link.as_bytes());
        }
        assert_eq!(files_in(&at("runs")).len(), 4);
        assert_eq!(files_in(folder.path()).len(), 3);
        symlink("two", at("one")).unwrap();
        symlink("one", at("two")).unwrap();
        let error = replace(&at("one"), |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("circle"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_the_former_file() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, "former").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, |file| file.write_all(b"x")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    /// The child that this test starts is the same test with the variable set: it dies while it writes.
    #[test]
    fn a_process_that_dies_in_the_middle_leaves_the_former_file() {
        const PATH: &str = "TFN_TEST_DIE_WHILE_WRITING";
        if let Some(path) = std::env::var_os(PATH) {
            let _ = replace(Path::new(&path), |file| {
                file.write_all(b"half of the ne")?;
                file.sync_all()?;
                std::process::exit(1)
            });
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, "former").unwrap();
        let this =
            "checkpoint::file::tests::a_process_that_dies_in_the_middle_leaves_the_former_file";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this])
            .env(PATH, &path)
            .output()
            .unwrap();
        assert!(!child.status.success(), "the child should have died");
        assert_eq!(fs::read(&path).unwrap(), b"former");
        assert_eq!(files_in(folder.path()).len(), 2, "the child died before it wrote");
    }
}
