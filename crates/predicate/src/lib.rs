//! NSPredicate: the language of StopProcessingIf.
#![forbid(unsafe_code)]
