//! The files that a container sees: a root directory of its own, and mounts over it.
//!
//! An `emptyDir` volume lives as long as its Pod and outlives every process in it. A root directory
//! ends with its container. Errors are those of Linux.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The files that one container sees, by path. Clones share the contents.
#[derive(Clone, Debug, Default)]
pub struct Files {
    mounts: Vec<Mount>,
    /// Where relative paths count from.
    working_directory: Vec<String>,
}

/// Whether a path is a file or a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// A root directory or an `emptyDir` volume. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Directory(Arc<Mutex<Folders>>);

/// A directory, or a single file of one, mounted in a container.
#[derive(Clone, Debug)]
struct Mount {
    at: Vec<String>,
    directory: Directory,
    /// The visible part of the directory.
    below: Vec<String>,
    read_only: bool,
}

/// Files by name, by the path of their folder.
type Folders = BTreeMap<Vec<String>, BTreeMap<String, Vec<u8>>>;

/// Error numbers that are equal on Linux and macOS.
const NOT_FOUND: i32 = 2;
const BUSY: i32 = 16;
const EXISTS: i32 = 17;
const NOT_DIRECTORY: i32 = 20;
const IS_DIRECTORY: i32 = 21;
const READ_ONLY: i32 = 30;

impl Files {
    /// The files of a container with this root directory.
    pub(super) fn of(root: Directory, read_only: bool) -> Self {
        let root = Mount {
            at: Vec::new(),
            directory: root,
            below: Vec::new(),
            read_only,
        };
        Self {
            mounts: vec![root],
            working_directory: Vec::new(),
        }
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let (mount, path) = self.find(path)?;
        let folders = mount.directory.folders();
        let (folder, name) = file(&folders, &path)?;
        let file = folders.get(folder).and_then(|files| files.get(name));
        file.cloned().ok_or_else(|| error(NOT_FOUND))
    }

    /// Creates or replaces a file.
    pub fn write(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        self.change(path, |file| contents.clone_into(file))
    }

    /// Appends to a file; creates it if it is missing.
    pub fn append(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        self.change(path, |file| file.extend_from_slice(contents))
    }

    /// Whether the path is a file or a directory.
    pub fn kind(&self, path: &str) -> io::Result<FileKind> {
        let (mount, path) = self.find(path)?;
        kind(&mount.directory.folders(), &path)
    }

    /// The names in a directory, sorted.
    pub fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let (mount, path) = self.find(path)?;
        let folders = mount.directory.folders();
        let Some(files) = folders.get(&path) else {
            return Err(match kind(&folders, &path) {
                Ok(_) => error(NOT_DIRECTORY),
                Err(error) => error,
            });
        };
        let within =
            |folder: &&Vec<String>| folder.len() == path.len() + 1 && folder.starts_with(&path);
        let folders = folders.keys().filter(within).filter_map(|it| it.last());
        let names: BTreeSet<&String> = folders.chain(files.keys()).collect();
        Ok(names.into_iter().cloned().collect())
    }

    /// Creates a directory, whose parent must exist.
    pub fn make_directory(&self, path: &str) -> io::Result<()> {
        let (mount, path) = self.find(path)?;
        let mut folders = mount.directory.folders();
        if kind(&folders, &path).is_ok() {
            return Err(error(EXISTS));
        }
        let parent = path.split_last().map(|(_, parent)| parent);
        if !parent.is_some_and(|parent| folders.contains_key(parent)) {
            return Err(error(NOT_FOUND));
        }
        mount.must_be_writable()?;
        folders.insert(path, BTreeMap::new());
        Ok(())
    }

    /// Removes a file, or a directory with all that it contains.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let whole = components(&self.absolute(path));
        let (mount, path) = self.find(path)?;
        let mut folders = mount.directory.folders();
        let kind = kind(&folders, &path)?;
        if self.mounts.iter().any(|mount| mount.at.starts_with(&whole)) {
            return Err(error(BUSY));
        }
        mount.must_be_writable()?;
        match kind {
            FileKind::Directory => folders.retain(|folder, _| !folder.starts_with(&path)),
            FileKind::File => {
                let (folder, name) = file(&folders, &path)?;
                let (folder, name) = (folder.to_vec(), name.clone());
                if let Some(files) = folders.get_mut(&folder) {
                    files.remove(&name);
                }
            }
        }
        Ok(())
    }

    /// The path from the root.
    pub fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return format!("/{}", components(path).join("/"));
        }
        let whole = format!("/{}/{path}", self.working_directory.join("/"));
        format!("/{}", components(&whole).join("/"))
    }

    /// Lets relative paths of this clone count from a directory; creates it if it is missing.
    pub fn enter(&mut self, path: &str) {
        self.working_directory = components(&self.absolute(path));
        if let Ok((mount, path)) = self.find(".") {
            mount.directory.make_folder(&path);
        }
    }

    /// Mounts the folder `below` of a directory at `at`; creates the folder if it is missing.
    pub(crate) fn mount(&mut self, at: &str, directory: &Directory, below: &str, read_only: bool) {
        let below = components(below);
        directory.make_folder(&below);
        if let Ok((mount, point)) = self.find(at) {
            mount.directory.make_folder(&point);
        }
        self.mounts.push(Mount {
            at: components(at),
            directory: directory.clone(),
            below,
            read_only,
        });
    }

    /// Mounts an empty file of its own at `at`.
    pub(crate) fn mount_file(&mut self, at: &str) {
        let directory = Directory::default();
        directory.put("file", &[]);
        if let Ok((mount, point)) = self.find(at) {
            mount.directory.put(&point.join("/"), &[]);
        }
        self.mounts.push(Mount {
            at: components(at),
            directory,
            below: vec!["file".to_owned()],
            read_only: false,
        });
    }

    fn change(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let (mount, path) = self.find(path)?;
        let mut folders = mount.directory.folders();
        let (folder, name) = file(&folders, &path)?;
        let (folder, name) = (folder.to_vec(), name.clone());
        let files = folders.get_mut(&folder).ok_or_else(|| error(NOT_FOUND))?;
        mount.must_be_writable()?;
        change(files.entry(name).or_default());
        Ok(())
    }

    /// Resolves a path: the innermost mount, and the path in its directory.
    fn find(&self, path: &str) -> io::Result<(&Mount, Vec<String>)> {
        let path = components(&self.absolute(path));
        let mounts = self.mounts.iter();
        let mounts = mounts.filter(|mount| path.starts_with(&mount.at));
        // The last of several at one point covers the others.
        let mount = mounts.max_by_key(|mount| mount.at.len());
        let mount = mount.ok_or_else(|| error(NOT_FOUND))?;
        Ok((mount, [&mount.below, &path[mount.at.len()..]].concat()))
    }
}

impl Mount {
    fn must_be_writable(&self) -> io::Result<()> {
        if self.read_only {
            return Err(error(READ_ONLY));
        }
        Ok(())
    }
}

impl Directory {
    /// Creates a directory with its parents.
    pub(crate) fn make(&self, path: &str) {
        self.make_folder(&components(path));
    }

    /// Creates or replaces a file, with its parents.
    pub(crate) fn put(&self, path: &str, contents: &[u8]) {
        let mut folder = components(path);
        let Some(name) = folder.pop() else { return };
        self.make_folder(&folder);
        let mut folders = self.folders();
        let files = folders.entry(folder).or_default();
        files.insert(name, contents.to_vec());
    }

    fn make_folder(&self, folder: &[String]) {
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

fn kind(folders: &Folders, path: &[String]) -> io::Result<FileKind> {
    if folders.contains_key(path) {
        return Ok(FileKind::Directory);
    }
    let (folder, name) = file(folders, path)?;
    match folders.get(folder) {
        Some(files) if files.contains_key(name) => Ok(FileKind::File),
        _ => Err(error(NOT_FOUND)),
    }
}

/// The folder and the name of a file that exists or can be created.
fn file<'a>(folders: &Folders, path: &'a [String]) -> io::Result<(&'a [String], &'a String)> {
    if folders.contains_key(path) {
        return Err(error(IS_DIRECTORY));
    }
    let (name, folder) = path.split_last().ok_or_else(|| error(IS_DIRECTORY))?;
    let is_file = |path: &[String]| {
        let parts = path.split_last();
        let files = parts.and_then(|(name, folder)| Some((name, folders.get(folder)?)));
        files.is_some_and(|(name, files)| files.contains_key(name))
    };
    if (1..path.len()).any(|length| is_file(&path[..length])) {
        return Err(error(NOT_DIRECTORY));
    }
    Ok((folder, name))
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

    fn rooted() -> Files {
        let root = Directory::default();
        root.make("/tmp");
        Files::of(root, false)
    }

    #[test]
    fn files_come_and_go() {
        let files = rooted();
        files.append("/tmp/a", b"1").unwrap();
        files.append("/tmp/a", b"2").unwrap();
        assert_eq!(seen(&files, "/tmp/a"), Ok("12".to_owned()));
        files.make_directory("/tmp/b").unwrap();
        files.write("/tmp/b/c", b"").unwrap();
        assert_eq!(files.list("/tmp").unwrap(), ["a", "b"]);
        assert_eq!(files.kind("/tmp/b").unwrap(), FileKind::Directory);
        let error = |done: io::Result<()>| done.unwrap_err().to_string();
        let exists = "File exists (os error 17)";
        assert_eq!(error(files.make_directory("/tmp/a")), exists);
        let inside = "Not a directory (os error 20)";
        assert_eq!(error(files.write("/tmp/a/b", b"")), inside);
        assert_eq!(error(files.list("/tmp/a").map(drop)), inside);
        files.remove("/tmp/a").unwrap();
        files.remove("/tmp/b").unwrap();
        assert_eq!(files.list("/tmp").unwrap(), [""; 0]);
        let missing = "No such file or directory (os error 2)";
        assert_eq!(error(files.remove("/tmp/a")), missing);
    }

    #[test]
    fn relative_paths_count_from_the_working_directory() {
        let mut files = rooted();
        files.enter("/srv/www");
        files.write("a", b"1").unwrap();
        assert_eq!(seen(&files, "/srv/www/a"), Ok("1".to_owned()));
        assert_eq!(files.absolute("../b"), "/srv/b");
    }

    #[test]
    fn mounts_cover_a_read_only_root() {
        let mut files = Files::of(Directory::default(), true);
        files.mount("/mnt", &Directory::default(), "", false);
        files.mount_file("/dev/termination-log");
        files.write("/mnt/a", b"").unwrap();
        files.write("/dev/termination-log", b"why").unwrap();
        assert_eq!(seen(&files, "/dev/termination-log"), Ok("why".to_owned()));
        assert_eq!(files.list("/").unwrap(), ["dev", "mnt"]);
        let error = |done: io::Result<()>| done.unwrap_err().to_string();
        assert_eq!(
            error(files.write("/a", b"")),
            "Read-only file system (os error 30)"
        );
        assert_eq!(
            error(files.remove("/mnt")),
            "Device or resource busy (os error 16)"
        );
    }
}
