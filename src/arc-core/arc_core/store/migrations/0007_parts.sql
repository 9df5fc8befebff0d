-- What one insert brings is one file, not two for each of the columns. Merges of a few make columns of it, as before.
ALTER TABLE spans MODIFY SETTING min_bytes_for_wide_part = 33554432;
