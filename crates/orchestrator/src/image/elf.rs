//! Reads from an ELF header a program's architecture and whether it is statically linked.
//!
//! Pure.

use std::fmt;

use object::{
    LittleEndian,
    elf::{
        ELFOSABI_GNU, ELFOSABI_NONE, EM_AARCH64, EM_X86_64, ET_DYN, ET_EXEC, FileHeader64,
        PT_INTERP,
    },
    read::elf::{FileHeader, ProgramHeader},
};

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

/// The architecture of a static Linux program.
pub(super) fn architecture(program: &[u8]) -> Result<Architecture, NotStatic> {
    let not_elf = |_| NotStatic::NotElf;
    let header = FileHeader64::<LittleEndian>::parse(program).map_err(not_elf)?;
    let endian = header.endian().map_err(not_elf)?;
    // GNU's ABI is Linux'; most linkers leave the field empty.
    let is_of_linux = matches!(header.e_ident().os_abi, ELFOSABI_NONE | ELFOSABI_GNU);
    if !is_of_linux || !matches!(header.e_type(endian), ET_EXEC | ET_DYN) {
        return Err(NotStatic::NotElf);
    }
    let architecture = match header.e_machine(endian) {
        EM_X86_64 => Architecture::Amd64,
        EM_AARCH64 => Architecture::Arm64,
        other => return Err(NotStatic::Machine(other)),
    };
    let segments = header.program_headers(endian, program).map_err(not_elf)?;
    // A static PIE has a dynamic section too, but names no dynamic linker.
    if segments
        .iter()
        .any(|segment| segment.p_type(endian) == PT_INTERP)
    {
        return Err(NotStatic::Interpreter);
    }
    Ok(architecture)
}
