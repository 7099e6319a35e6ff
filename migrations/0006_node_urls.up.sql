-- Where viewers reach a server itself: its broadcasts are played from there.
ALTER TABLE nodes ADD COLUMN url TEXT;
