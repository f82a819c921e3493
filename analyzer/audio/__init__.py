"""From messages to sound: what the bytes are, whether they decode, how loud they are, and the WAV a person can listen to."""
