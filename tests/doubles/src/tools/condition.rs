//! The conditions of `test`.

use crate::system::System;

/// Whether a condition holds. The error says what is wrong with it.
pub(super) fn holds(system: &dyn System, words: &[&str]) -> Result<bool, String> {
    if let Some(at) = words
        .iter()
        .rposition(|word| *word == "-o")
        .filter(|at| *at > 0)
    {
        return Ok(holds(system, &words[..at])? || holds(system, &words[at + 1..])?);
    }
    if let Some(at) = words
        .iter()
        .rposition(|word| *word == "-a")
        .filter(|at| *at > 0)
    {
        return Ok(holds(system, &words[..at])? && holds(system, &words[at + 1..])?);
    }
    match words {
        [] => Ok(false),
        [word] => Ok(!word.is_empty()),
        ["!", rest @ ..] => Ok(!holds(system, rest)?),
        [operator, operand] => one(system, operator, operand),
        [left, operator, right] => two(left, operator, right),
        [_, word, ..] => Err(format!("{word}: unknown operand")),
    }
}

fn one(system: &dyn System, operator: &str, operand: &str) -> Result<bool, String> {
    let is_directory = || system.is_directory(operand);
    Ok(match operator {
        "-n" => !operand.is_empty(),
        "-z" => operand.is_empty(),
        "-d" => is_directory().unwrap_or(false),
        "-f" => is_directory().is_ok_and(|is_directory| !is_directory),
        "-e" | "-r" | "-w" | "-x" => is_directory().is_ok(),
        "-s" => system.read(operand).is_ok_and(|bytes| !bytes.is_empty()),
        _ => return Err(format!("{operand}: unknown operand")),
    })
}

fn two(left: &str, operator: &str, right: &str) -> Result<bool, String> {
    match operator {
        "=" | "==" => return Ok(left == right),
        "!=" => return Ok(left != right),
        _ => {}
    }
    let number = |word: &str| {
        let number = word.trim().parse::<i64>().ok();
        number.ok_or_else(|| format!("{word}: bad number"))
    };
    let (left, right) = (number(left)?, number(right)?);
    Ok(match operator {
        "-eq" => left == right,
        "-ne" => left != right,
        "-lt" => left < right,
        "-le" => left <= right,
        "-gt" => left > right,
        "-ge" => left >= right,
        _ => return Err(format!("{operator}: unknown operand")),
    })
}
