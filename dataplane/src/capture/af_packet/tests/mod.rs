mod program;
mod rings;
