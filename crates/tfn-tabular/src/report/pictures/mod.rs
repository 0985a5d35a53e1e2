//! Pictures as SVG, each with its numbers beside it.

mod actual;
mod axis;
mod binomial;
mod calibration;
mod chart;
mod confusion;
mod curves;
mod declined;
mod ink;
mod partial;
mod picture;
mod reliability;

pub(super) use actual::actual;
pub(super) use binomial::range as binomial_range;
pub(super) use calibration::{coverage, pit};
pub(super) use confusion::confusion;
pub(super) use curves::curves;
pub(super) use declined::declined;
pub(super) use partial::partial;
pub(super) use reliability::{confidence, reliability};
