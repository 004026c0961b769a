//! `probeflip image`: packs a program into an image archive; see [`crate::image`].

use crate::{
    cli::Image,
    exit::{CommandResult, Exit},
    image::write,
    report::printer::Printer,
};

pub(super) fn run(image: &Image, printer: &Printer) -> CommandResult {
    let program = image.program;
    let binary = image.binary.clone();
    let binary = binary.unwrap_or_else(|| program.default_binary());
    let tag = image.tag.clone().unwrap_or_else(|| program.default_tag());
    let architecture = write(program, &binary, &tag, &image.output)?;
    printer.note(format!(
        "packed `{}` as {tag} for linux/{architecture} into `{}`",
        binary.display(),
        image.output.display()
    ));
    Ok(Exit::Held)
}
