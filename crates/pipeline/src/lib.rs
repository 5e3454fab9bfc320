//! The life of a run: trust, steps, gates, parking, publication, incidents.
#![forbid(unsafe_code)]

mod schedule;

pub use schedule::{
    CronError, Due, Entry, Expression, Missed, Schedules, SchedulesError, Timetable,
};
