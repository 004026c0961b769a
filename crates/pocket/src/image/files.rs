//! The files that a container sees: the contents of its Pod's `emptyDir` volumes, where mounted.
//!
//! A volume lives as long as its Pod and outlives every process in it. Errors are those of Linux.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The files that one container sees, by absolute path; a relative one counts from the root.
#[derive(Clone, Debug, Default)]
pub struct Files(Vec<Mount>);

/// An `emptyDir` volume of a Pod. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Directory(Arc<Mutex<Folders>>);

/// A volume mounted in a container.
#[derive(Clone, Debug)]
struct Mount {
    at: Vec<String>,
    directory: Directory,
    /// `subPath`: the visible part of the volume.
    below: Vec<String>,
    read_only: bool,
}

/// Files by name, by the path of their folder.
type Folders = BTreeMap<Vec<String>, BTreeMap<String, Vec<u8>>>;

/// Error numbers that are equal on Linux and macOS.
const NOT_FOUND: i32 = 2;
const IS_DIRECTORY: i32 = 21;
const READ_ONLY: i32 = 30;

impl Files {
    /// Reads a file.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let (mount, folder, name) = self.find(path)?;
        let folders = mount.directory.folders();
        let file = folders.get(&folder).and_then(|files| files.get(&name));
        file.cloned().ok_or_else(|| error(NOT_FOUND))
    }

    /// Creates or replaces a file.
    pub fn write(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        let (mount, folder, name) = self.find(path)?;
        let mut folders = mount.directory.folders();
        let files = folders.get_mut(&folder).ok_or_else(|| error(NOT_FOUND))?;
        if mount.read_only {
            return Err(error(READ_ONLY));
        }
        files.insert(name, contents.to_vec());
        Ok(())
    }

    /// Mounts the folder `below` of a directory at `at`; creates the folder if it is missing.
    pub(crate) fn mount(&mut self, at: &str, directory: &Directory, below: &str, read_only: bool) {
        let below = components(below);
        directory.make(&below);
        self.0.push(Mount {
            at: components(at),
            directory: directory.clone(),
            below,
            read_only,
        });
    }

    /// Resolves a path: the innermost mount, a folder of its directory, and a file name.
    fn find(&self, path: &str) -> io::Result<(&Mount, Vec<String>, String)> {
        let path = components(path);
        let mounts = self.0.iter().filter(|mount| path.starts_with(&mount.at));
        let mount = mounts.max_by_key(|mount| mount.at.len());
        let mount = mount.ok_or_else(|| error(NOT_FOUND))?;
        let mut folder = mount.below.clone();
        folder.extend_from_slice(&path[mount.at.len()..]);
        if mount.directory.folders().contains_key(&folder) {
            return Err(error(IS_DIRECTORY));
        }
        let name = folder.pop().ok_or_else(|| error(IS_DIRECTORY))?;
        Ok((mount, folder, name))
    }
}

impl Directory {
    fn make(&self, folder: &[String]) {
        let mut folders = self.folders();
        for length in 0..=folder.len() {
            folders.entry(folder[..length].to_vec()).or_default();
        }
    }

    fn folders(&self) -> MutexGuard<'_, Folders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Directory {
    fn default() -> Self {
        let root = (Vec::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(BTreeMap::from([root]))))
    }
}

/// The path's components from the root, with `.` and `..` resolved.
fn components(path: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name.to_owned()),
        }
    }
    names
}

fn error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(files: &Files, path: &str) -> Result<String, String> {
        let read = files.read(path).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(read).unwrap())
    }

    #[test]
    fn a_directory_is_the_same_wherever_it_is_mounted() {
        let directory = Directory::default();
        let (mut one, mut other) = (Files::default(), Files::default());
        one.mount("/state/", &directory, "", false);
        other.mount("/mnt/deep", &directory, "", true);
        one.write("/state/./a", b"1").unwrap();
        one.write("state//a", b"2").unwrap();
        assert_eq!(seen(&other, "/mnt/deep/../deep/a"), Ok("2".to_owned()));
        let refused = other.write("/mnt/deep/a", b"3").unwrap_err();
        assert_eq!(refused.to_string(), "Read-only file system (os error 30)");
    }

    #[test]
    fn a_sub_path_is_a_folder_of_it() {
        let directory = Directory::default();
        let (mut whole, mut part) = (Files::default(), Files::default());
        part.mount("/state", &directory, "a/b", false);
        whole.mount("/state", &directory, "", false);
        part.write("/state/x", b"1").unwrap();
        assert_eq!(seen(&whole, "/state/a/b/x"), Ok("1".to_owned()));
        let folder = Err("Is a directory (os error 21)".to_owned());
        assert_eq!(seen(&whole, "/state/a"), folder);
        assert_eq!(seen(&part, "/state"), folder);
    }

    #[test]
    fn beside_the_mounts_there_is_nothing() {
        let mut files = Files::default();
        files.mount("/state", &Directory::default(), "", false);
        let nothing = "No such file or directory (os error 2)";
        for path in ["/state/a", "/states/a", "/etc/hosts", "/state/sub/a"] {
            assert_eq!(seen(&files, path), Err(nothing.to_owned()), "{path}");
        }
        for path in ["/states/a", "/a", "/state/sub/a"] {
            let refused = files.write(path, b"").unwrap_err();
            assert_eq!(refused.to_string(), nothing, "{path}");
        }
    }

    #[test]
    fn of_two_mounts_the_inner_one_counts() {
        let (outer, inner) = (Directory::default(), Directory::default());
        let mut files = Files::default();
        files.mount("/a/b", &inner, "", false);
        files.mount("/a", &outer, "", false);
        files.write("/a/b/x", b"inner").unwrap();
        files.write("/a/x", b"outer").unwrap();
        let mut only = Files::default();
        only.mount("/", &inner, "", true);
        assert_eq!(seen(&only, "/x"), Ok("inner".to_owned()));
    }
}
