//! Makes the captures that ship and that tests read.
