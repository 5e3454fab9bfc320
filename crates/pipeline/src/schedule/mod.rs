//! When overrides are due: Unix cron expressions, time zones, jitter, and what was missed.

mod cron;
mod due;
mod field;
mod file;

pub use self::{
    cron::{CronError, Expression},
    due::{Due, Missed, Timetable},
    file::{Entry, Schedules, SchedulesError},
};
