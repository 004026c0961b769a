//! The wire format: a message is a row of fields, each a number and a value.

use super::DecodeError;

/// One field of a message. The number says which; only the message's type knows what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    value: Wire<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], DecodeError> {
        match self.value {
            Wire::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong_type()),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_not_utf8| DecodeError::NotText(self.number))
    }

    pub(super) fn integer(self) -> Result<i64, DecodeError> {
        match self.value {
            Wire::Varint(number) => Ok(number.cast_signed()),
            _ => Err(self.wrong_type()),
        }
    }

    pub(super) fn double(self) -> Result<f64, DecodeError> {
        match self.value {
            Wire::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(self.wrong_type()),
        }
    }

    /// Numbers, one by one or packed into one field.
    pub(super) fn integers(self) -> Result<Vec<i64>, DecodeError> {
        let Wire::Bytes(mut rest) = self.value else {
            return Ok(vec![self.integer()?]);
        };
        let mut numbers = Vec::new();
        while !rest.is_empty() {
            numbers.push(varint(&mut rest)?.cast_signed());
        }
        Ok(numbers)
    }

    fn wrong_type(self) -> DecodeError {
        let wire = match self.value {
            Wire::Varint(_) => 0,
            Wire::Fixed64(_) => 1,
            Wire::Bytes(_) => 2,
            Wire::Fixed32 => 5,
        };
        DecodeError::WrongType {
            field: self.number,
            wire,
        }
    }
}

/// The fields of a message, in the order of the bytes. After an error there are no more.
pub(super) fn fields(mut rest: &[u8]) -> impl Iterator<Item = Result<Field<'_>, DecodeError>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = field(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, DecodeError> {
    let tag = varint(rest)?;
    let number = tag >> 3;
    if number == 0 {
        return Err(DecodeError::OutOfRange);
    }
    let value = match tag & 7 {
        0 => Wire::Varint(varint(rest)?),
        1 => Wire::Fixed64(u64::from_le_bytes(*array(rest)?)),
        2 => {
            let length =
                usize::try_from(varint(rest)?).map_err(|_too_long| DecodeError::OutOfRange)?;
            let (bytes, after) = rest
                .split_at_checked(length)
                .ok_or(DecodeError::Truncated)?;
            *rest = after;
            Wire::Bytes(bytes)
        }
        5 => {
            let _: &[u8; 4] = array(rest)?;
            Wire::Fixed32
        }
        // Groups, which Kubernetes does not use.
        wire => {
            return Err(DecodeError::WrongType {
                field: number,
                wire: u8::try_from(wire).unwrap_or_default(),
            });
        }
    };
    Ok(Field { number, value })
}

fn array<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], DecodeError> {
    let (array, after) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
    *rest = after;
    Ok(array)
}

/// A number in groups of seven bits, the lowest first.
fn varint(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = *array(rest)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(DecodeError::OutOfRange)
}
