//! Whole houses: the program, real servers, crashes.
