//! People, known by their numeric GitHub id. Decides no rights.
