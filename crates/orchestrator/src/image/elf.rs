//! Reads from an ELF header a program's architecture and whether it is statically linked.
//!
//! Pure. Parses only the fields that these need (System V ABI, chapters 4 and 5).

use std::fmt;

/// The processor architectures of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        })
    }
}

/// The reason why a program cannot run in an image without other files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotStatic {
    /// The file is a script, a Mach-O file, or anything else.
    #[error("it is not a Linux ELF program")]
    NotElf,
    /// The program is for another processor.
    #[error("it is for neither amd64 nor arm64 (ELF machine {0})")]
    Machine(u16),
    /// The program needs a dynamic linker, which an empty image lacks.
    #[error("it is not statically linked")]
    Interpreter,
}

const MAGIC: [u8; 4] = *b"\x7fELF";
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const OS_ANY: u8 = 0;
const OS_LINUX: u8 = 3;
const TYPE_EXECUTABLE: u16 = 2;
const TYPE_SHARED: u16 = 3;
const MACHINE_X86_64: u16 = 62;
const MACHINE_AARCH64: u16 = 183;
const SEGMENT_INTERPRETER: u32 = 3;

/// The architecture of a static Linux program.
pub(super) fn architecture(program: &[u8]) -> Result<Architecture, NotStatic> {
    let header = Bytes(program);
    let identified = program.starts_with(&MAGIC)
        && header.u8(4) == Some(CLASS_64)
        && header.u8(5) == Some(LITTLE_ENDIAN)
        && matches!(header.u8(7), Some(OS_ANY | OS_LINUX))
        && matches!(header.u16(16), Some(TYPE_EXECUTABLE | TYPE_SHARED));
    if !identified {
        return Err(NotStatic::NotElf);
    }
    let architecture = match header.u16(18).ok_or(NotStatic::NotElf)? {
        MACHINE_X86_64 => Architecture::Amd64,
        MACHINE_AARCH64 => Architecture::Arm64,
        other => return Err(NotStatic::Machine(other)),
    };
    if has_interpreter(&header).ok_or(NotStatic::NotElf)? {
        return Err(NotStatic::Interpreter);
    }
    Ok(architecture)
}

/// Whether a program header names a dynamic linker. A static PIE has a dynamic section but does not
/// name a linker.
fn has_interpreter(header: &Bytes<'_>) -> Option<bool> {
    let table = usize::try_from(header.u64(32)?).ok()?;
    let size = usize::from(header.u16(54)?);
    let count = usize::from(header.u16(56)?);
    for index in 0..count {
        let entry = table.checked_add(index.checked_mul(size)?)?;
        if header.u32(entry)? == SEGMENT_INTERPRETER {
            return Some(true);
        }
    }
    Some(false)
}

/// Reads little-endian numbers at offsets; `None` past the end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u8(&self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }
}
