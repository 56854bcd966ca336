"""What the plots share: lines, marks, colours, and the canvas that they are drawn on."""
