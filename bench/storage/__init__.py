"""What the benches of storage share: the ground they run on, the contenders, and what is measured of one."""
