//! Arrays with their derivative along a direction: dual numbers with values and tangents in arrays of their own.
//!
//! Whatever depends on $z$ moves with it along $z + \epsilon \dot z$. What takes and gives arrays passes the values on as
//! they are and beside them their derivative by $\epsilon$ at zero.

/// Values $a$ and their derivative $\dot a$ along a direction. An empty derivative stands for zero.
pub type Along<'a> = (&'a [f64], &'a [f64]);

/// Values and their derivative along a direction, to be written.
pub type AlongMut<'a> = (&'a mut [f64], &'a mut [f64]);

/// A range of both; the derivative stays empty where it is.
#[inline(always)]
pub(crate) fn part((value, dot): Along<'_>, range: std::ops::Range<usize>) -> Along<'_> {
    (&value[range.clone()], dot.get(range).unwrap_or_default())
}
