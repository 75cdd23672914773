mod code;
