"""What can be asked, and the way each question takes: logged, decided, run, logged again, answered."""
