//! The life of a run: trust, steps, gates, parking, publication, incidents.
#![forbid(unsafe_code)]

mod event;
mod failure;
mod pretty;
mod request;
mod schedule;
mod secrets;
mod summary;

pub use event::{Event, Reporter, Silent};
pub use failure::Failure;
pub use pretty::{pretty, pretty_indented};
pub use request::Request;
pub use schedule::{
    CronError, Due, Entry, Expression, Missed, Schedules, SchedulesError, Timetable,
};
pub use summary::{FailedRecipe, Summary};
