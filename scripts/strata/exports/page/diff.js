"use strict";
// The page of a comparison: its slider, if it has one.

const stage = document.getElementById("stage");
if (stage) connectSlider(stage, document.getElementById("split"));
