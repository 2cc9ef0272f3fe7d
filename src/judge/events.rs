//! The engine's events and the ends of long-lived processes, with what was held when they came.
