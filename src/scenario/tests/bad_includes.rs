//! What is said of flow files that cannot be included.

use super::*;
