//! When overrides are due: Unix cron expressions, time zones, jitter, and what was missed.

mod agenda;
mod blackout;
mod cron;
mod due;
mod field;
mod file;

pub use self::{
    agenda::{Agenda, AgendaDay, Begin},
    blackout::Blackout,
    cron::{CronError, Expression},
    due::{Due, Missed, Timetable},
    file::{Entry, Scheduled, Schedules, SchedulesError, is_label},
};
