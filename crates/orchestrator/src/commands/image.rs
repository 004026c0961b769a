//! `probeflip image`: packs a probe-target binary into an image archive; see [`crate::image`].

use crate::{
    cli::Image,
    exit::{CommandResult, Exit},
    image::{default_binary, write},
    report::printer::Printer,
};

pub(super) fn run(image: &Image, printer: &Printer) -> CommandResult {
    let binary = image.binary.clone().unwrap_or_else(default_binary);
    let architecture = write(&binary, &image.tag, &image.output)?;
    printer.note(format!(
        "packed `{}` as {} for linux/{architecture} into `{}`",
        binary.display(),
        image.tag,
        image.output.display()
    ));
    Ok(Exit::Held)
}
