//! The pages in a real browser: that they can be read by everybody, and that what their script offers works.

mod charts;
mod devtools;
mod pages;
mod sound;
