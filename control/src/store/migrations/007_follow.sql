-- Grows each time that somebody does something to the alert itself.
ALTER TABLE alerts ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;

-- Since when the configuration knows a sink no more that had entries still to take.
ALTER TABLE sinks ADD COLUMN gone INTEGER;
