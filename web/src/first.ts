// The page begins here: what it will ask first is asked at once, and the rest of it is loaded beside that.
import "./early.ts";

void import("./main.tsx");
